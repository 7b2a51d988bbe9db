//! Stacked bars as SVG text. Every bar stands in the table below the chart, too; colours differ in lightness, so that the
//! order of the parts is seen in grey.

use plotters::{
    coord::ranged1d::{IntoSegmentedCoord, SegmentValue},
    prelude::{ChartBuilder, Color, IntoDrawingArea, RGBColor, Rectangle, SVGBackend, WHITE},
};

use crate::{console::page::remaining, problem::Problem};

/// One bar.
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) parts_ms: Vec<i64>,
}

/// The chart, or nothing where there is nothing to draw.
pub(crate) fn bars(bars: &[Bar]) -> Result<String, Problem> {
    if bars.is_empty() {
        return Ok(String::new());
    }
    let mut svg = String::new();
    let height = u32::try_from(bars.len()).unwrap_or(u32::MAX).saturating_mul(BAR_PIXELS) + AXIS_PIXELS;
    draw(bars, &mut svg, height)
        .map_err(|error| Problem::failed("page_broken").with("detail", error.to_string()))?;
    Ok(svg)
}

fn draw(bars: &[Bar], svg: &mut String, height: u32) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let longest = bars.iter().map(|bar| bar.parts_ms.iter().sum::<i64>()).max().unwrap_or(0).max(1);
    // The axis goes upwards and has its last value inside: the first bar is to stand on top.
    let last = bars.len() - 1;
    let rows = 0..last;
    let label = |row: &SegmentValue<usize>| match row {
        SegmentValue::CenterOf(row) => last
            .checked_sub(*row)
            .and_then(|row| bars.get(row))
            .map(|bar| short(&bar.label))
            .unwrap_or_default(),
        SegmentValue::Exact(_) | SegmentValue::Last => String::new(),
    };
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .margin_right(32)
        .x_label_area_size(28)
        .y_label_area_size(LABEL_PIXELS)
        .build_cartesian_2d(0..longest, rows.into_segmented())?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .x_labels(8)
        .x_label_formatter(&|ms| if longest < 10_000 { format!("{ms} ms") } else { remaining(*ms) })
        .label_style(("sans-serif", 18))
        .y_labels(bars.len())
        .y_label_formatter(&label)
        .draw()?;
    for (row, bar) in bars.iter().rev().enumerate() {
        let above = if row == last { SegmentValue::Last } else { SegmentValue::Exact(row + 1) };
        let mut from = 0;
        for (part, ms) in bar.parts_ms.iter().enumerate().filter(|(_, ms)| **ms > 0) {
            let colour = COLOURS[part % COLOURS.len()];
            let corners = [(from, SegmentValue::Exact(row)), (from + ms, above.clone())];
            let mut part = Rectangle::new(corners, colour.filled());
            part.set_margin(4, 4, 0, 0);
            chart.draw_series(std::iter::once(part))?;
            from += ms;
        }
    }
    area.present()?;
    drop(chart);
    Ok(())
}

/// What fits beside a bar.
fn short(label: &str) -> String {
    label.chars().take(LABEL_CHARS).collect()
}

const WIDTH: u32 = 960;
const BAR_PIXELS: u32 = 26;
const AXIS_PIXELS: u32 = 52;
const LABEL_PIXELS: u32 = 190;
const LABEL_CHARS: usize = 16;

/// From dark to light and back.
const COLOURS: [RGBColor; 6] = [
    RGBColor(22, 50, 79),
    RGBColor(52, 104, 152),
    RGBColor(128, 172, 208),
    RGBColor(245, 196, 0),
    RGBColor(214, 108, 32),
    RGBColor(110, 40, 60),
];
/// The classes of the legend, in the same order.
pub(crate) const COLOURS_CSS: [&str; 6] = ["part-0", "part-1", "part-2", "part-3", "part-4", "part-5"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_every_bar_and_no_markup_of_a_label() {
        let bar = |label: &str| Bar { label: label.to_owned(), parts_ms: vec![0, 400, 0, 12, 90, 60_000] };
        let svg = bars(&[bar("411300 南阳"), bar("<b>x")]).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("411300 南阳"), "{svg}");
        assert!(!svg.contains("<b>") && !svg.contains("style="), "{svg}");
        let drawn = COLOURS.iter().filter(|colour| {
            let RGBColor(r, g, b) = colour;
            svg.contains(&format!("#{r:02X}{g:02X}{b:02X}"))
        });
        assert_eq!(drawn.count(), 4);
        assert_eq!(bars(&[]).unwrap(), "");
    }
}

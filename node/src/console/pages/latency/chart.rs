//! Stacked bars as SVG text. Every bar stands in the table below the chart, too; colours differ in lightness, so that the
//! order of the parts is seen in grey.

use plotters::{
    coord::{
        Shift,
        ranged1d::{IntoSegmentedCoord, SegmentValue},
    },
    prelude::{
        ChartBuilder, Color, DrawingArea, IntoDrawingArea, IntoTextStyle, RGBColor, Rectangle, SVGBackend,
        WHITE,
    },
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{console::page::remaining, problem::Problem};

/// One bar.
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) parts_ms: Vec<i64>,
}

/// The chart, or nothing where no bar has a length.
pub(crate) fn bars(bars: &[Bar]) -> Result<String, Problem> {
    if bars.iter().all(|bar| bar.parts_ms.iter().all(|ms| *ms <= 0)) {
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
    let mut chart = ChartBuilder::on(&area)
        .margin(MARGIN)
        .margin_right(32)
        .x_label_area_size(AXIS_LABEL_PIXELS)
        .y_label_area_size(LABEL_PIXELS)
        .build_cartesian_2d(0..longest, rows.into_segmented())?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .x_labels(8)
        .x_label_formatter(&|ms| if longest < 10_000 { format!("{ms} ms") } else { remaining(*ms) })
        .label_style(("sans-serif", 18))
        .y_label_formatter(&|_| String::new())
        .draw()?;
    name_rows(&area, bars)?;
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

/// The labels beside the bars: the axis itself names no row where there is only one.
fn name_rows(area: &Area<'_>, bars: &[Bar]) -> Result<(), Box<dyn std::error::Error>> {
    let style = ("sans-serif", 18).into_text_style(area).pos(Pos::new(HPos::Right, VPos::Center));
    let middles = (i32::try_from(MARGIN + BAR_PIXELS / 2)?..).step_by(usize::try_from(BAR_PIXELS)?);
    for (bar, y) in bars.iter().zip(middles) {
        area.draw_text(&short(&bar.label), &style, (i32::try_from(LABEL_PIXELS)?, y))?;
    }
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What fits beside a bar.
fn short(label: &str) -> String {
    label.chars().take(LABEL_CHARS).collect()
}

const WIDTH: u32 = 960;
const BAR_PIXELS: u32 = 26;
const MARGIN: u32 = 8;
/// The axis below the bars, and both margins.
const AXIS_PIXELS: u32 = AXIS_LABEL_PIXELS + 2 * MARGIN;
const AXIS_LABEL_PIXELS: u32 = 28;
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
        assert!(bars(&[bar("411322 方城")]).unwrap().contains("411322 方城"), "one bar alone has its label");
        let nothing = Bar { label: "411322 方城".to_owned(), parts_ms: vec![0; 6] };
        assert_eq!(bars(&[nothing]).unwrap(), "", "nothing is known: no empty axis");
    }
}

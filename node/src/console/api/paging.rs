//! Lists in pages. The cursor names the last item that was given, so that what is added meanwhile moves nothing.

use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};

use crate::problem::Problem;

/// Which part of a list is wanted.
pub(super) struct Page {
    limit: usize,
    after: Option<String>,
}

impl Page {
    /// Takes `limit` and `cursor` out of a request's fields.
    pub(super) fn take(fields: &mut Map<String, Value>) -> Result<Self, Problem> {
        let wrong = |name: &str| Problem::usage("api_field").with("detail", name);
        let limit = match fields.remove("limit") {
            None => LIMIT_DEFAULT,
            Some(value) => {
                value.as_u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(|| wrong("limit"))?
            }
        };
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(wrong("limit"));
        }
        let after = match fields.remove("cursor") {
            None => None,
            Some(value) => {
                let text = value.as_str().ok_or_else(|| wrong("cursor"))?;
                let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| wrong("cursor"))?;
                Some(
                    String::from_utf8(bytes)
                        .ok()
                        .filter(|name| !name.is_empty())
                        .ok_or_else(|| wrong("cursor"))?,
                )
            }
        };
        Ok(Self { limit, after })
    }

    /// This page of all items, and the cursor of the next one.
    pub(super) fn of(&self, items: Vec<Value>) -> Value {
        let names: Vec<String> = items.iter().enumerate().map(|(place, item)| name(item, place)).collect();
        let from = match &self.after {
            None => 0,
            // What the cursor names may be gone by now: then the list begins anew, and nothing is missed.
            Some(after) => names.iter().position(|name| name == after).map_or(0, |place| place + 1),
        };
        let to = from.saturating_add(self.limit).min(items.len());
        let next = (to < items.len() && to > from).then(|| HEXLOWER.encode(names[to - 1].as_bytes()));
        let items: Vec<Value> = items.into_iter().skip(from).take(self.limit).collect();
        json!({ "items": items, "next": next })
    }
}

/// What tells an item from the others: its id with what makes it unique in its list, else its place.
fn name(item: &Value, place: usize) -> String {
    let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
    let neighbour = item.get("neighbour").and_then(|room| room.get("id")).and_then(Value::as_str);
    match (text("id"), text("serial")) {
        ("", "") => place.to_string(),
        (id, serial) => format!("{id}{serial}/{}", neighbour.unwrap_or_default()),
    }
}

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_and_what_is_added_moves_nothing() {
        let items = |from: u64, to: u64| (from..to).map(|n| json!({"id": n.to_string()})).collect::<Vec<_>>();
        let page = |fields: Value, items: Vec<Value>| {
            let Value::Object(mut fields) = fields else { panic!("fields are an object") };
            Page::take(&mut fields).unwrap().of(items)
        };
        let first = page(json!({"limit": 2}), items(1, 5));
        assert_eq!(first["items"], json!([{"id": "1"}, {"id": "2"}]));
        let second = page(json!({"limit": 2, "cursor": first["next"]}), items(0, 5));
        assert_eq!(second["items"], json!([{"id": "3"}, {"id": "4"}]));
        assert_eq!(second["next"], Value::Null);
        for (name, value) in
            [("limit", json!(0)), ("cursor", json!("")), ("cursor", json!("0")), ("cursor", json!("ff"))]
        {
            assert!(Page::take(&mut Map::from_iter([(name.to_owned(), value)])).is_err(), "{name}");
        }
    }
}

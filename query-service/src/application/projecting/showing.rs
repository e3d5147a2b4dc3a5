//! A newer name put into an order as it is stored: its JSON, so that an order of another mapping keeps the fields that this
//! build does not know.

use read_model::{CurrentName, NameSource};
use serde_json::Value;
use uuid::Uuid;

/// True if the order changed: it showed an earlier name of `source`.
pub fn show(order: &mut Value, source: NameSource, name: &CurrentName) -> bool {
    match source {
        NameSource::Customer(id) => {
            let fields = Fields {
                id: "customer_id",
                name: "customer_name",
                version: "customer_version",
            };
            fields.show(order, id, name)
        }
        NameSource::Product(id) => {
            let fields = Fields {
                id: "product_id",
                name: "product_name",
                version: "product_version",
            };
            let mut changed = false;
            let items = order.get_mut("items").and_then(Value::as_array_mut);
            for item in items.into_iter().flatten() {
                changed |= fields.show(item, id, name);
            }
            changed
        }
    }
}

struct Fields {
    id: &'static str,
    name: &'static str,
    version: &'static str,
}

impl Fields {
    fn show(&self, shown: &mut Value, id: Uuid, name: &CurrentName) -> bool {
        let is_of = shown[self.id]
            .as_str()
            .and_then(|shown| Uuid::try_parse(shown).ok())
            == Some(id);
        let version = shown[self.version].as_u64();
        if !is_of || version.is_none_or(|version| version >= name.name_version) {
            return false;
        }
        shown[self.name] = name.name.clone().into();
        shown[self.version] = name.name_version.into();
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ADA: Uuid = Uuid::from_u128(1);
    const ENGINE: Uuid = Uuid::from_u128(2);

    fn name(name: &str, name_version: u64) -> CurrentName {
        CurrentName {
            name: name.into(),
            name_version,
            version: name_version,
            propagated_version: 1,
        }
    }

    fn order() -> Value {
        json!({
            "id": Uuid::from_u128(9), "version": 4, "of a later build": [1],
            "customer_id": ADA, "customer_name": "Ada", "customer_version": 2,
            "items": [
                {"product_id": ENGINE, "product_name": "Engine", "product_version": 1, "quantity": 3},
                {"product_id": ADA, "product_name": "Loom", "product_version": 1},
            ],
        })
    }

    #[test]
    fn a_newer_name_is_shown_and_nothing_else_changes() {
        let mut shown = order();
        assert!(show(&mut shown, NameSource::Customer(ADA), &name("Ada King", 3)));
        assert!(show(&mut shown, NameSource::Product(ENGINE), &name("Motor", 2)));
        let mut expected = order();
        expected["customer_name"] = "Ada King".into();
        expected["customer_version"] = 3.into();
        expected["items"][0]["product_name"] = "Motor".into();
        expected["items"][0]["product_version"] = 2.into();
        assert_eq!(shown, expected);
    }

    #[test]
    fn neither_an_earlier_name_nor_anothers_is_shown() {
        let mut shown = order();
        assert!(!show(
            &mut shown,
            NameSource::Customer(ADA),
            &name("Ada Byron", 2)
        ));
        assert!(!show(&mut shown, NameSource::Customer(ENGINE), &name("Bob", 9)));
        assert!(!show(
            &mut shown,
            NameSource::Product(Uuid::from_u128(7)),
            &name("Wheel", 9)
        ));
        assert_eq!(shown, order());
        // Its first event has not come.
        let mut waiting = json!({"id": ADA, "version": 0, "parked": {}});
        assert!(!show(&mut waiting, NameSource::Customer(ADA), &name("Ada", 9)));
    }
}

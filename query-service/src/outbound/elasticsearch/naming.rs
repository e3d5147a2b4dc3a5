//! Names of indices, aliases and templates.
//!
//! Each generation is an index, such as `orders-v3-1`, with an alias of its own, `orders-v3-1-projected`, through which it is
//! written; one generation of each kind also has the alias that queries read, `orders`.

use read_model::Kind;

use super::client::ElasticsearchSettings;
use crate::application::ports::Generation;

#[derive(Debug, Clone)]
pub struct Naming {
    prefix: String,
}

impl Naming {
    pub fn of(settings: &ElasticsearchSettings) -> Self {
        Self::with_prefix(&settings.index_prefix)
    }

    pub fn with_prefix(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// What queries read.
    pub fn queried(&self, kind: Kind) -> String {
        format!("{}{}", self.prefix, kind.name())
    }

    pub fn index(&self, generation: Generation) -> String {
        format!("{}{generation}", self.prefix)
    }

    /// What the projector reads and writes.
    pub fn projected(&self, generation: Generation) -> String {
        format!("{}-projected", self.index(generation))
    }

    pub fn template(&self, kind: Kind, mapping: u32) -> String {
        format!("{}{}-v{mapping}", self.prefix, kind.name())
    }

    /// Of every generation with this mapping.
    pub fn pattern(&self, kind: Kind, mapping: u32) -> String {
        format!("{}-*", self.template(kind, mapping))
    }

    /// Of every generation, and of some that are none.
    pub fn any(&self, kind: Kind) -> String {
        format!("{}{}-v*", self.prefix, kind.name())
    }

    /// `None` where an index is no generation of this deployment.
    pub fn parse(&self, index: &str) -> Option<Generation> {
        let name = index.strip_prefix(&self.prefix)?;
        Kind::ALL.into_iter().find_map(|kind| {
            let versions = name.strip_prefix(kind.name())?.strip_prefix("-v")?;
            let (mapping, number) = versions.split_once('-').unwrap_or((versions, "0"));
            let generation = Generation {
                kind,
                mapping: mapping.parse().ok()?,
                number: number.parse().ok()?,
            };
            (generation.to_string() == name).then_some(generation)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_says_which_generation_it_is() {
        let naming = Naming::with_prefix("shop-");
        let generation = Generation {
            kind: Kind::Order,
            mapping: 3,
            number: 12,
        };
        assert_eq!(naming.index(generation), "shop-orders-v3-12");
        assert_eq!(naming.projected(generation), "shop-orders-v3-12-projected");
        assert_eq!(naming.parse("shop-orders-v3-12"), Some(generation));
        // As they were called before they had numbers.
        let before = Generation {
            mapping: 2,
            number: 0,
            ..generation
        };
        assert_eq!(naming.parse("shop-orders-v2"), Some(before));
        assert_eq!(naming.projected(before), "shop-orders-v2-projected");
        for other in [
            "orders-v3-1",
            "shop-orders-v3-01",
            "shop-orders-v3-0",
            "shop-orders-v3-1-projected",
            "shop-orders-vx",
            "shop-raw-orders-v3-1",
        ] {
            assert_eq!(naming.parse(other), None, "{other}");
        }
    }
}

use super::text::{line, non_empty_line};
use super::{Country, InvalidValue};

/// A postal address; every part is trimmed, on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    name: String,
    street: String,
    postal_code: String,
    city: String,
    country: Country,
}

impl Address {
    /// Of name, street and city.
    pub const MAX_CHARS: usize = 200;
    pub const MAX_POSTAL_CODE_CHARS: usize = 20;

    /// The postal code may be empty: some countries have none. The error names the member.
    pub fn new(
        name: &str,
        street: &str,
        postal_code: &str,
        city: &str,
        country: &str,
    ) -> Result<Self, InvalidValue> {
        Ok(Self {
            name: non_empty_line("name", name, Self::MAX_CHARS)?,
            street: non_empty_line("street", street, Self::MAX_CHARS)?,
            postal_code: line("postal_code", postal_code, Self::MAX_POSTAL_CODE_CHARS)?,
            city: non_empty_line("city", city, Self::MAX_CHARS)?,
            country: Country::new(country)?,
        })
    }

    /// Whose door it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn street(&self) -> &str {
        &self.street
    }

    pub fn postal_code(&self) -> &str {
        &self.postal_code
    }

    pub fn city(&self) -> &str {
        &self.city
    }

    pub fn country(&self) -> Country {
        self.country
    }
}

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvoiceStatus {
    Issued,
    /// In full.
    Paid,
    /// Paid or not before.
    Credited,
}

impl InvoiceStatus {
    pub const ALL: [Self; 3] = [Self::Issued, Self::Paid, Self::Credited];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Paid => "paid",
            Self::Credited => "credited",
        }
    }

    /// The status that [`Self::as_str`] calls so.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

impl fmt::Display for InvoiceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

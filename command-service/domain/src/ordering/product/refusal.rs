/// Why a product refused a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProductRefusal {
    #[error("the product is discontinued and takes no change any more")]
    Discontinued,
}

impl ProductRefusal {
    /// A stable name: recorded with the command, and the last part of the problem's type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Discontinued => "product-discontinued",
        }
    }
}

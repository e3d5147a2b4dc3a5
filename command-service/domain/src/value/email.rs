use std::fmt;

use super::text::non_empty_line;
use super::{InvalidValue, Reason};

/// An address that a mail server could take: a local part and a domain of two labels at least. Whether somebody reads
/// it only a mail can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// RFC 5321's longest path, without its brackets.
    pub const MAX_CHARS: usize = 254;
    const MAX_LOCAL_BYTES: usize = 64;
    const MAX_LABEL_BYTES: usize = 63;

    pub fn new(text: &str) -> Result<Self, InvalidValue> {
        let text = non_empty_line("email", text, Self::MAX_CHARS)?;
        let well_formed = text
            .rsplit_once('@')
            .is_some_and(|(local, domain)| is_local_part(local) && is_domain(domain));
        if well_formed {
            Ok(Self(text))
        } else {
            Err(InvalidValue::new("email", Reason::NotAnEmailAddress))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Dot-atoms; beyond ASCII as RFC 6531 allows. Quoted local parts are legal, unused, and refused.
fn is_local_part(local: &str) -> bool {
    let is_atom_char =
        |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c) || is_letter(c);
    local.len() <= EmailAddress::MAX_LOCAL_BYTES
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char))
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= EmailAddress::MAX_LABEL_BYTES
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || is_letter(c))
    };
    domain.contains('.') && domain.split('.').all(is_label)
}

fn is_letter(c: char) -> bool {
    !c.is_ascii() && c.is_alphanumeric()
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

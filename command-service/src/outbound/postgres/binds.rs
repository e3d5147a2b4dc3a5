//! Statements as text with binds: each is a type of its own with a static `QueryId`, so that the driver prepares it once
//! for each connection.

/// Writes a statement out of text and binds, in order: `statement!(out; "SELECT " {&number => Integer} " AS n")`.
macro_rules! statement {
    ($out:ident; $($rest:tt)*) => {{
        statement!(@ $out; $($rest)*);
        diesel::QueryResult::Ok(())
    }};
    (@ $out:ident;) => {};
    (@ $out:ident; $text:literal $($rest:tt)*) => {
        $out.push_sql($text);
        statement!(@ $out; $($rest)*);
    };
    (@ $out:ident; {$value:expr => $sql:ty} $($rest:tt)*) => {
        $out.push_bind_param::<$sql, _>($value)?;
        statement!(@ $out; $($rest)*);
    };
}

/// Declares that a statement's text depends on its type alone, and the columns that it answers.
macro_rules! cached {
    ($statement:ty => $columns:ty) => {
        impl diesel::query_builder::QueryId for $statement {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::Query for $statement {
            type SqlType = $columns;
        }
    };
}

pub(super) use {cached, statement};

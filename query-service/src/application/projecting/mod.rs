//! Folds records into documents and writes them.

pub mod settings;

pub use settings::ProjectorSettings;

//! Indices of a test's own. They are what a shared Elasticsearch runs out of: only those that the test needs, and none is
//! left behind.

use elasticsearch::Elasticsearch;
use elasticsearch::indices::{IndicesDeleteIndexTemplateParts, IndicesDeleteParts};
use query_service::application::ports::Generations as _;
use query_service::outbound::elasticsearch::{
    ElasticsearchGenerations, ElasticsearchSettings, connect, indices, setup,
};
use read_model::Kind;

/// The first generations of these kinds.
pub async fn make(settings: &ElasticsearchSettings, kinds: &[Kind]) -> ElasticsearchGenerations {
    let client = connect(settings).expect("the URL is one");
    let generations = ElasticsearchGenerations::new(client, settings);
    setup::create_missing(&generations, settings, kinds)
        .await
        .expect("indices can be created");
    generations
}

/// All generations there are, and their templates.
pub async fn delete(client: &Elasticsearch, settings: &ElasticsearchSettings) -> anyhow::Result<()> {
    let generations = ElasticsearchGenerations::new(client.clone(), settings);
    let naming = generations.naming();
    let found = generations.find(&Kind::ALL).await?;
    let names: Vec<String> = found.iter().map(|found| naming.index(found.generation)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if !names.is_empty() {
        let parts = IndicesDeleteParts::Index(&names);
        client.indices().delete(parts).send().await?;
    }
    for kind in Kind::ALL {
        let template = naming.template(kind, indices::mapping_version(kind));
        let parts = IndicesDeleteIndexTemplateParts::Name(&template);
        client.indices().delete_index_template(parts).send().await?;
    }
    Ok(())
}

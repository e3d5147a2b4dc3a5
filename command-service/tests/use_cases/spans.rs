//! What is traced of a command.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use command_service::application::codec::Recorded;
use command_service::application::ordering::{RenameCustomer, SubmitOrder};
use domain::Customer;
use domain::testing::{customer_id, name, order_id};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::service::{Service, registration};
use crate::stores::{Fate, Fated};

/// What was traced, in order.
#[derive(Clone, Default)]
struct Traces(Arc<Mutex<Traced>>);

#[derive(Default)]
struct Traced {
    spans: BTreeMap<u64, Fields>,
    /// Level, fields, and the names of the spans that it stands in.
    events: Vec<(Level, Fields, Vec<&'static str>)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>> Layer<S> for Traces {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if attributes.metadata().name() == "command" {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            self.0.lock().unwrap().spans.insert(id.into_u64(), fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        if let Some(fields) = self.0.lock().unwrap().spans.get_mut(&id.into_u64()) {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let spans = context.event_scope(event).into_iter().flatten();
        let spans = spans.map(|span| span.metadata().name()).collect();
        self.0
            .lock()
            .unwrap()
            .events
            .push((*event.metadata().level(), fields, spans));
    }
}

impl Traces {
    /// The span of the command with this id.
    fn span_of(&self, command_id: uuid::Uuid) -> Fields {
        let traced = self.0.lock().unwrap();
        let id = command_id.to_string();
        let mut found = traced
            .spans
            .values()
            .filter(|fields| fields.0.get("id") == Some(&id));
        let span = found.next().unwrap().clone();
        assert_eq!(found.next(), None, "one command is one span");
        span
    }

    /// The last line logged in a command's span.
    fn last_line(&self) -> (Level, Fields) {
        let traced = self.0.lock().unwrap();
        let mut lines = traced.events.iter().rev();
        let (level, fields, _) = lines.find(|(_, _, spans)| spans.contains(&"command")).unwrap();
        (*level, fields.clone())
    }
}

#[tokio::test]
async fn a_command_has_a_span_that_says_what_became_of_it() {
    let traces = Traces::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(traces.clone()));
    // As long as there is one dispatcher only, tracing asks the calling thread's about a call site that is new to it, and
    // remembers the answer: another test's thread, which has none, would silence it for this one.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let service = Service::over(Fated::new);
    let id = customer_id(1);

    let context = service.context();
    service.execute_as(&context, registration(id)).await.unwrap();
    let expected = [
        ("otel.name", "register-customer".to_owned()),
        ("type", "register-customer".to_owned()),
        ("id", context.command_id.to_string()),
        ("correlation_id", context.correlation_id.to_string()),
        ("aggregate", Customer::stream(id).aggregate.as_str().to_owned()),
        ("aggregate_id", id.to_string()),
        ("outcome", "succeeded".to_owned()),
    ];
    assert_eq!(traces.span_of(context.command_id), Fields(expected.into()));
    let (level, line) = traces.last_line();
    assert_eq!(
        (level, line.0["message"].as_str()),
        (Level::DEBUG, "command succeeded")
    );

    let context = service.context();
    let submit = SubmitOrder {
        order_id: order_id(1),
    };
    service.execute_as(&context, submit).await.unwrap_err();
    assert_eq!(traces.span_of(context.command_id).0["outcome"], "not-found");
    let (level, line) = traces.last_line();
    assert_eq!((level, line.0["kind"].as_str()), (Level::INFO, "not-found"));

    let context = service.context();
    let rename = RenameCustomer {
        customer_id: id,
        name: name("Ada King"),
    };
    service.bus.defer(&context, &rename).await.unwrap();
    assert_eq!(traces.span_of(context.command_id).0["outcome"], "deferred");

    service.store.end(Fate::Unavailable);
    let context = service.context();
    service.execute_as(&context, rename).await.unwrap_err();
    assert_eq!(traces.span_of(context.command_id).0["outcome"], "unavailable");
    let (level, line) = traces.last_line();
    assert_eq!(
        (level, line.0["error"].as_str()),
        (Level::WARN, "connection reset")
    );
}

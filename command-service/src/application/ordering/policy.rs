//! What ordering does about what others publish.

use shared_events::{Event, InvoiceEvent};

use super::ConfirmPaidOrder;
use crate::application::policies::FollowUp;

/// A paid invoice confirms its order.
pub(in crate::application) fn follow_ups(event: &Event) -> Vec<FollowUp> {
    match event {
        Event::Invoice(InvoiceEvent::Paid(paid)) => {
            let command = ConfirmPaidOrder {
                order_id: paid.order_id.into(),
            };
            vec![FollowUp::of("confirm-paid-orders", &command)]
        }
        _ => vec![],
    }
}

use std::num::NonZeroUsize;
use std::sync::Mutex;

use chrono::DateTime;
use proptest::prelude::*;
use read_model::OrderStatus;
use shared_events::AggregateType;

use super::*;

/// The topic: what it has, and from where on it has it.
#[derive(Clone, Default)]
struct Topic(Arc<Mutex<Vec<Partition>>>);

#[derive(Default)]
struct Partition {
    records: Vec<Heard>,
    begin: i64,
}

impl Topic {
    fn of(partitions: usize) -> Self {
        let topic = Self::default();
        topic
            .0
            .lock()
            .expect("no panic")
            .resize_with(partitions, Partition::default);
        topic
    }

    /// The nth change, of the order of that number.
    fn write(&self, partition: i32, n: u128) -> Heard {
        let mut partitions = self.0.lock().expect("no panic");
        let records = &mut partitions[usize::try_from(partition).expect("small")].records;
        let heard = Heard {
            partition,
            offset: i64::try_from(records.len()).expect("small"),
            change: Some(change(n)),
        };
        records.push(heard.clone());
        heard
    }

    fn forget_below(&self, partition: usize, begin: i64) {
        self.0.lock().expect("no panic")[partition].begin = begin;
    }

    fn ends(&self) -> Positions {
        let partitions = self.0.lock().expect("no panic");
        (0..)
            .zip(partitions.iter().map(|of| of.records.len() as i64))
            .collect()
    }

    fn record(&self, positions: &Positions) -> Option<Heard> {
        let partitions = self.0.lock().expect("no panic");
        (0..).zip(partitions.iter()).find_map(|(partition, of)| {
            of.records
                .get(usize::try_from(positions.of(partition)).ok()?)
                .cloned()
        })
    }
}

impl ChangeLog for Topic {
    type Reader = Reader;

    async fn check(&self, from: &Positions) -> Result<(), PushError> {
        let partitions = self.0.lock().expect("no panic");
        let kept = (0..)
            .zip(partitions.iter())
            .all(|(partition, of)| (of.begin..=of.records.len() as i64).contains(&from.of(partition)));
        match kept {
            true => Ok(()),
            false => Err(PushError::Gone),
        }
    }

    async fn read(&self, from: &Positions) -> Result<Reader, PushError> {
        Ok(Reader {
            topic: self.clone(),
            positions: from.clone(),
        })
    }
}

struct Reader {
    topic: Topic,
    positions: Positions,
}

impl ChangeLogReader for Reader {
    async fn next(&mut self) -> Result<Heard, PushError> {
        tokio::task::yield_now().await;
        match self.topic.record(&self.positions) {
            Some(heard) => {
                self.positions.pass(heard.partition, heard.offset);
                Ok(heard)
            }
            None => std::future::pending().await,
        }
    }
}

fn change(n: u128) -> Change {
    let id = Uuid::from_u128(n);
    Change {
        aggregate: AggregateType::Order,
        id,
        version: 1,
        order: Some(OrderSummary {
            id,
            version: 1,
            status: OrderStatus::Draft,
            customer_id: Uuid::nil(),
            customer_name: String::new(),
            item_count: 0,
            total: None,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }),
    }
}

fn show(order: &OrderSummary) -> Bytes {
    order.id.as_u128().to_string().into()
}

/// A replica that hears the topic and remembers so many changes.
struct Replica {
    recent: Arc<RecentChanges>,
    pushing: Pushing<Topic>,
}

fn replica(topic: &Topic, max_changes: usize) -> Replica {
    let recent = Arc::new(RecentChanges::new(show, max_changes, usize::MAX));
    recent.begin(topic.ends());
    let settings = PushSettings {
        max_clients: const { NonZeroUsize::new(3).unwrap() },
        ..PushSettings::default()
    };
    Replica {
        pushing: Pushing::new(recent.clone(), topic.clone(), settings),
        recent,
    }
}

impl Replica {
    async fn open(&self, resume: Option<&str>) -> Pushes<Reader> {
        let resume = resume.map(|id| id.parse().expect("positions"));
        let mut pushes = self.pushing.open(None, resume).await.expect("it opens");
        let greeting = pushes.next().await.expect("it is not cut");
        assert!(matches!(greeting[..], [Push::Position(_)]));
        pushes
    }

    async fn refusal(&self, resume: &str) -> PushError {
        let resume = resume.parse().expect("positions");
        match self.pushing.open(None, Some(resume)).await {
            Ok(_) => panic!("it opened"),
            Err(error) => error,
        }
    }
}

/// The next numbers, with the position behind the last of them.
async fn next(pushes: &mut Pushes<Reader>) -> Option<(Vec<u128>, String)> {
    let mut numbers = Vec::new();
    let mut last = String::new();
    for push in pushes.next().await? {
        match push {
            Push::Position(positions) => last = positions,
            Push::Changed { positions, order } => {
                last = positions;
                let text = std::str::from_utf8(&order).expect("text");
                numbers.push(text.parse().expect("a number"));
            }
        }
    }
    Some((numbers, last))
}

#[tokio::test(start_paused = true)]
async fn who_comes_hears_of_what_comes_after_and_resumes_without_gap_or_double() {
    let topic = Topic::of(2);
    let replica = replica(&topic, 100);
    replica.recent.add(&topic.write(0, 1));
    let mut pushes = replica.open(None).await;
    replica.recent.add(&topic.write(1, 2));
    replica.recent.add(&topic.write(0, 3));
    assert_eq!(next(&mut pushes).await, Some((vec![2, 3], "0:2,1:1".to_owned())));
    drop(pushes);
    replica.recent.add(&topic.write(1, 4));
    let mut resumed = replica.open(Some("0:1,1:1")).await;
    assert_eq!(next(&mut resumed).await, Some((vec![3, 4], "0:2,1:2".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn only_the_order_that_was_asked_for_is_told_of_and_the_position_goes_on() {
    let topic = Topic::of(1);
    let replica = replica(&topic, 100);
    let order = Some(Uuid::from_u128(2));
    let mut pushes = replica.pushing.open(order, None).await.expect("it opens");
    assert_eq!(next(&mut pushes).await, Some((vec![], "0:0".to_owned())));
    for n in 1..=3 {
        replica.recent.add(&topic.write(0, n));
    }
    assert_eq!(next(&mut pushes).await, Some((vec![2], "0:2".to_owned())));
    // After a while without one of its own: so that the position does not fall out of what is kept.
    let begun = Instant::now();
    assert_eq!(next(&mut pushes).await, Some((vec![], "0:3".to_owned())));
    assert_eq!(begun.elapsed(), Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_no_longer_is_read_from_the_topic_and_then_it_joins_the_others() {
    let topic = Topic::of(2);
    let replica = replica(&topic, 3);
    for n in 0..20 {
        replica.recent.add(&topic.write((n % 2) as i32, n));
    }
    let mut pushes = replica.open(Some("0:1,1:0")).await;
    let mut seen = Vec::new();
    while seen.len() < 19 {
        seen.extend(next(&mut pushes).await.expect("it is not cut").0);
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..20).collect::<Vec<_>>());
    assert!(pushes.past.is_none(), "it has not joined");
    replica.recent.add(&topic.write(0, 20));
    assert_eq!(
        next(&mut pushes).await.map(|(numbers, _)| numbers),
        Some(vec![20])
    );
}

#[tokio::test(start_paused = true)]
async fn who_falls_behind_is_cut_and_resumes() {
    let topic = Topic::of(1);
    let replica = replica(&topic, 5);
    let mut slow = replica.open(None).await;
    for n in 0..10 {
        replica.recent.add(&topic.write(0, n));
    }
    assert_eq!(next(&mut slow).await, None);
    let mut resumed = replica.open(Some("0:0")).await;
    let mut seen = Vec::new();
    while seen.len() < 10 {
        seen.extend(next(&mut resumed).await.expect("it is not cut").0);
    }
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_bounded_in_bytes_too() {
    let recent = Arc::new(RecentChanges::new(show, usize::MAX, 1_000));
    let topic = Topic::of(1);
    recent.begin(topic.ends());
    let mut early = Place::new(topic.ends(), None);
    assert!(recent.enter(&mut early));
    for n in 0..100 {
        recent.add(&topic.write(0, n));
    }
    assert!(matches!(recent.find(&mut early), Found::Lost));
}

#[tokio::test(start_paused = true)]
async fn where_changes_were_missed_everybody_is_cut() {
    let topic = Topic::of(1);
    let replica = replica(&topic, 100);
    let mut pushes = replica.open(None).await;
    topic.write(0, 1);
    replica.recent.begin(topic.ends());
    assert_eq!(next(&mut pushes).await, None);
    let mut resumed = replica.open(Some("0:0")).await;
    assert_eq!(next(&mut resumed).await, Some((vec![1], "0:1".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_position_that_is_not_kept_is_gone_and_one_that_another_replica_gave_is_not() {
    let topic = Topic::of(1);
    let replica = replica(&topic, 2);
    for n in 0..10 {
        replica.recent.add(&topic.write(0, n));
    }
    topic.forget_below(0, 5);
    assert!(matches!(replica.refusal("0:4").await, PushError::Gone));
    assert!(matches!(replica.refusal("0:11").await, PushError::Gone));
    // Another replica has heard of what this one has not.
    topic.write(0, 10);
    let late = topic.write(0, 11);
    let mut pushes = replica.open(Some("0:11")).await;
    replica.recent.add(&Heard {
        offset: 10,
        ..late.clone()
    });
    replica.recent.add(&late);
    assert_eq!(next(&mut pushes).await, Some((vec![11], "0:12".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn clients_are_bounded_and_nobody_is_told_before_the_topic_was_found() {
    let topic = Topic::of(1);
    let replica = replica(&topic, 100);
    let clients = [
        replica.open(None).await,
        replica.open(None).await,
        replica.open(None).await,
    ];
    assert!(matches!(replica.refusal("0:0").await, PushError::Full));
    drop(clients);
    replica.open(None).await;
    let unfound = Arc::new(RecentChanges::new(show, 1, 1));
    let pushing = Pushing::new(unfound, topic, PushSettings::default());
    assert!(matches!(
        pushing.open(None, None).await.map(drop),
        Err(PushError::Unavailable(_))
    ));
}

/// What happens next in the story below.
#[derive(Debug, Clone)]
enum Step {
    Write(i32),
    /// A replica hears the next record of a partition, if there is one.
    Hear(usize, i32),
    Read,
    /// The client goes and resumes at a replica.
    Move(usize),
    /// A replica begins anew at the topic's end.
    Restart(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3).prop_map(Step::Write),
        8 => (0..2usize, 0..3).prop_map(|(replica, partition)| Step::Hear(replica, partition)),
        4 => Just(Step::Read),
        1 => (0..2usize).prop_map(Step::Move),
        1 => (0..2usize).prop_map(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn resumed_anywhere_at_any_time_a_client_misses_nothing_and_hears_nothing_twice(
        steps in prop::collection::vec(step(), 1..120),
        remembered in 1..20usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let (written, seen) = runtime.block_on(story(steps, remembered));
        prop_assert_eq!(written, seen);
    }
}

async fn story(steps: Vec<Step>, remembered: usize) -> (Vec<u128>, Vec<u128>) {
    let topic = Topic::of(3);
    let replicas = [replica(&topic, remembered), replica(&topic, remembered)];
    let mut heard = [topic.ends(), topic.ends()];
    let mut pushes = Some(replicas[0].open(None).await);
    let mut position = topic.ends().to_string();
    let (mut written, mut seen) = (0, Vec::new());
    let mut at = 0;
    for step in steps {
        match step {
            Step::Write(partition) => {
                topic.write(partition, written);
                written += 1;
            }
            Step::Hear(which, partition) => hear(&topic, &replicas[which], &mut heard[which], partition),
            Step::Move(to) => {
                at = to;
                pushes = None;
            }
            Step::Restart(which) => {
                heard[which] = topic.ends();
                replicas[which].recent.begin(topic.ends());
            }
            Step::Read => read(&replicas[at], &mut pushes, &mut position, &mut seen).await,
        }
    }
    for (replica, heard) in replicas.iter().zip(&mut heard) {
        for partition in 0..3 {
            while heard.of(partition) < topic.ends().of(partition) {
                hear(&topic, replica, heard, partition);
            }
        }
    }
    // Once it is told nothing for a while, there was nothing.
    while position != topic.ends().to_string() {
        read(&replicas[at], &mut pushes, &mut position, &mut seen).await;
    }
    seen.sort_unstable();
    ((0..written).collect(), seen)
}

fn hear(topic: &Topic, replica: &Replica, heard: &mut Positions, partition: i32) {
    let record = {
        let partitions = topic.0.lock().expect("no panic");
        let records = &partitions[usize::try_from(partition).expect("small")].records;
        records
            .get(usize::try_from(heard.of(partition)).expect("small"))
            .cloned()
    };
    if let Some(record) = record {
        heard.pass(record.partition, record.offset);
        replica.recent.add(&record);
    }
}

async fn read(
    replica: &Replica,
    pushes: &mut Option<Pushes<Reader>>,
    position: &mut String,
    seen: &mut Vec<u128>,
) {
    let open = match pushes {
        Some(open) => open,
        None => pushes.insert(replica.open(Some(position)).await),
    };
    match next(open).await {
        Some((numbers, last)) => {
            seen.extend(numbers);
            *position = last;
        }
        None => *pushes = None,
    }
}

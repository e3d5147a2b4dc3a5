-- Outcomes: when it came, where in the body a refusal points, and failures, which only queued commands can end as.
ALTER TABLE commands
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN refusal_pointer text,
    DROP CONSTRAINT commands_outcome,
    ADD CONSTRAINT commands_outcome CHECK (
        outcome = 'succeeded' AND version IS NOT NULL AND refusal_kind IS NULL AND refusal_detail IS NULL
        OR outcome IN ('refused', 'failed') AND version IS NULL AND refusal_kind IS NOT NULL AND refusal_detail IS NOT NULL
    );

-- Commands that are accepted and not yet decided. A row goes in the statement that records the command's outcome, whose
-- primary key makes a second execution impossible whoever holds the bucket.
CREATE TABLE command_queue (
    bucket smallint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    command_id uuid NOT NULL,
    command_type text NOT NULL,
    aggregate text NOT NULL,
    stream_id uuid NOT NULL,
    actor text NOT NULL,
    received_at timestamptz NOT NULL,
    body jsonb NOT NULL,
    causation_id uuid NOT NULL,
    correlation_id uuid NOT NULL,
    traceparent text,
    -- The versions of an If-Match, empty for any; NULL without one.
    if_match bigint[],
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    -- That failed.
    attempts integer NOT NULL DEFAULT 0,
    -- Those of them that were the command's own fault, as far as can be told: after so many it is given up.
    faults integer NOT NULL DEFAULT 0,
    last_error text,
    -- Not to be tried before; what is queued behind it for the same stream waits, too.
    retry_at timestamptz,
    CONSTRAINT command_queue_bucket_id PRIMARY KEY (bucket, id),
    CONSTRAINT command_queue_command_id UNIQUE (command_id)
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_threshold = 50000,
    autovacuum_analyze_scale_factor = 0,
    vacuum_truncate = off
);
CREATE INDEX command_queue_postponed ON command_queue (bucket, aggregate, stream_id) WHERE retry_at IS NOT NULL;

-- The keys under which clients may repeat a command and get the first answer.
CREATE TABLE idempotency_keys (
    actor text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    command_id uuid NOT NULL,
    -- Whether the first answer was 202.
    deferred boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT idempotency_keys_key PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- The last number given in each series; a rolled back transaction gives its number back, so that none is missing.
CREATE TABLE number_series (
    series text NOT NULL CONSTRAINT number_series_series PRIMARY KEY,
    last bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO number_series (series, last) VALUES ('invoice', 0), ('credit_note', 0);

-- States of streams so far; can be thrown away at any time.
CREATE TABLE snapshots (
    aggregate text NOT NULL,
    stream_id uuid NOT NULL,
    version bigint NOT NULL,
    format integer NOT NULL,
    state bytea NOT NULL,
    CONSTRAINT snapshots_stream PRIMARY KEY (aggregate, stream_id)
);

-- Somebody who is no relay wants the bucket: its owner gives it back when it is idle, and no other takes it.
ALTER TABLE relay_leases
    ADD COLUMN reserved_by uuid,
    ADD COLUMN reserved_until timestamptz NOT NULL DEFAULT '-infinity';

-- As for relays: the workers that live, and who may run which bucket's commands.
CREATE TABLE workers (
    owner uuid NOT NULL CONSTRAINT workers_owner PRIMARY KEY,
    seen_at timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE worker_leases (
    bucket smallint NOT NULL CONSTRAINT worker_leases_bucket PRIMARY KEY,
    owner uuid,
    epoch bigint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    reserved_by uuid,
    reserved_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
INSERT INTO worker_leases (bucket) SELECT generate_series(0, 15);

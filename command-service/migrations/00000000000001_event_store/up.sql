-- The single source of truth. Appended to, never changed: the service's role may only SELECT and INSERT (setup grants
-- it), and the triggers refuse the rest to everybody, the owner included.
CREATE TABLE events (
    aggregate text NOT NULL,
    stream_id uuid NOT NULL,
    version bigint NOT NULL CONSTRAINT events_version_from_one CHECK (version > 0),
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    payload bytea NOT NULL,
    actor text NOT NULL,
    command_id uuid NOT NULL,
    causation_id uuid NOT NULL,
    correlation_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    -- The optimistic lock: two appends at one version meet here.
    CONSTRAINT events_stream_version PRIMARY KEY (aggregate, stream_id, version)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER events_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Every accepted command with what came of it.
CREATE TABLE commands (
    command_id uuid NOT NULL,
    command_type text NOT NULL,
    aggregate text NOT NULL,
    stream_id uuid NOT NULL,
    actor text NOT NULL,
    received_at timestamptz NOT NULL,
    body jsonb NOT NULL,
    causation_id uuid NOT NULL,
    correlation_id uuid NOT NULL,
    outcome text NOT NULL,
    -- Of the stream after a command that succeeded.
    version bigint,
    -- Why the domain refused.
    refusal_kind text,
    refusal_detail text,
    CONSTRAINT commands_id PRIMARY KEY (command_id),
    CONSTRAINT commands_outcome CHECK (
        outcome = 'succeeded' AND version IS NOT NULL AND refusal_kind IS NULL AND refusal_detail IS NULL
        OR outcome = 'refused' AND version IS NULL AND refusal_kind IS NOT NULL AND refusal_detail IS NOT NULL
    )
);

-- Events that are not yet known to be published; a row goes when its record is acknowledged. Each is whole in itself, so
-- that the relay reads one table. The only index is the one that both the relay's reading and its deleting use.
CREATE TABLE outbox (
    bucket smallint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    topic text NOT NULL,
    aggregate text NOT NULL,
    stream_id uuid NOT NULL,
    version bigint NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    payload bytea NOT NULL,
    actor text NOT NULL,
    command_id uuid NOT NULL,
    causation_id uuid NOT NULL,
    correlation_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT outbox_bucket_id PRIMARY KEY (bucket, id)
);

-- Every row dies young: vacuum by count, not by share of the table, without pauses, index included. The file is not cut
-- at its end, because that takes a lock that stops the commits.
ALTER TABLE outbox SET (
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_threshold = 50000,
    autovacuum_analyze_scale_factor = 0,
    vacuum_index_cleanup = on,
    vacuum_truncate = off,
    toast.autovacuum_vacuum_threshold = 2000,
    toast.autovacuum_vacuum_scale_factor = 0,
    toast.vacuum_truncate = off
);

-- The relays that live.
CREATE TABLE relays (
    owner uuid NOT NULL CONSTRAINT relays_owner PRIMARY KEY,
    seen_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Who may publish which bucket, until when by this server's clock. The epoch grows by one with each owner.
CREATE TABLE relay_leases (
    bucket smallint NOT NULL CONSTRAINT relay_leases_bucket PRIMARY KEY,
    owner uuid,
    epoch bigint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

INSERT INTO relay_leases (bucket) SELECT generate_series(0, 15);

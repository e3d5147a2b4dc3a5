-- How far runs of `republish` are: a row for each bucket, moved on after each few streams. A scope has one run, its last.
CREATE TABLE republish_progress (
    run uuid NOT NULL,
    bucket smallint NOT NULL,
    -- One kind of streams, or all of them.
    scope text NOT NULL,
    -- Whether it fills topics that were made anew for it.
    new_topics boolean NOT NULL,
    -- The last stream that was sent whole.
    after_aggregate text,
    after_stream_id uuid,
    streams bigint NOT NULL DEFAULT 0,
    events bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT republish_progress_run_bucket PRIMARY KEY (run, bucket)
);
CREATE INDEX republish_progress_scope ON republish_progress (scope);

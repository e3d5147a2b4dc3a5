-- Nothing takes the event store away.
DO $$ BEGIN RAISE EXCEPTION 'the event store is not dropped by a migration'; END $$;

-- The queue and the keys are promises to clients and the series number documents: nothing takes them away.
DO $$ BEGIN RAISE EXCEPTION 'the queue, the keys and the series are not dropped by a migration'; END $$;

-- Deletes rows that are published, each while its bucket's lease has the given epoch; answers how many.
--
-- A function because one statement over all buckets is a join, and a join has a plan that walks the whole outbox for
-- each given row. It is the cheapest one while the outbox is empty, which it mostly is, and stays cached when the outbox
-- has filled. One bucket's part has none: whatever the plan, it reads between the first id and the last.
CREATE FUNCTION delete_published(buckets smallint[], epochs bigint[], ids bigint[]) RETURNS bigint
    LANGUAGE plpgsql AS $$
DECLARE
    part record;
    gone bigint;
    total bigint := 0;
BEGIN
    FOR part IN
        SELECT done.bucket, min(done.id) AS first, max(done.id) AS last, array_agg(done.id) AS ids
        FROM unnest(buckets, epochs, ids) AS done (bucket, epoch, id)
        WHERE EXISTS (SELECT FROM relay_leases l WHERE l.bucket = done.bucket AND l.epoch = done.epoch)
        GROUP BY done.bucket
    LOOP
        DELETE FROM outbox o
        WHERE o.bucket = part.bucket AND o.id BETWEEN part.first AND part.last AND o.id = ANY (part.ids);
        GET DIAGNOSTICS gone = ROW_COUNT;
        total := total + gone;
    END LOOP;
    RETURN total;
END
$$;

-- move a partition's watermark past a batch, with the counts of what became of its records
merge into watermarks
using (
    select
        $topic as topic, $partition as partition, $next as next_offset, $consumed as consumed,
        $accepted as accepted, $duplicates as duplicates, $rejected as rejected, $tombstones as tombstones,
) as batch
using (topic, partition)
when matched then update set
    next_offset = batch.next_offset,
    consumed = watermarks.consumed + batch.consumed,
    accepted = watermarks.accepted + batch.accepted,
    duplicates = watermarks.duplicates + batch.duplicates,
    rejected = watermarks.rejected + batch.rejected,
    tombstones = watermarks.tombstones + batch.tombstones
when not matched then insert by name

-- move the watermarks of the partitions past what came of them, with the counts of what became of the records
merge into watermarks
using (
    select unnest($batches, recursive := true)
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

-- whether contacts of the pool can be told apart by their texts only (rare): they have one key and instant,
-- or others bear their contact_id
select exists (
    select 1
    from pool
    group by key_hash, occurred_us
    having count(*) > 1
) or exists (
    from internal.namesakes
    semi join pool using (contact_hash)
)

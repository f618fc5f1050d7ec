-- one row per stored inbound contact near those that the batch may change: same key, within 2F
create or replace temp table pool as
select kin.*
from kin
inner join touched
    on touched.key_hash = kin.key_hash
    and {same_key}
    and kin.occurred_us between touched.from_us and touched.until_us

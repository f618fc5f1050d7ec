-- whether contacts of the batch share a contact_id, with each other or with stored ones (rare)
select count(*) > 0
from (
    select contact_hash
    from (
        select contact_hash from fresh where type = '{contact}'
        union all
        select contact_hash from kin where type = '{contact}'
    )
    group by contact_hash
    having count(*) > 1
)

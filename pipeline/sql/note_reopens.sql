-- reopens, for the batches that bring their contacts, or look at them again
insert into internal.reopens
select $posted, contact_hash, occurred_us
from fresh
where type = '{reopen}'

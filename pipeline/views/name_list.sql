-- one row: all names by number, so that names[number] is the text; names[0], what is absent, is null
create or replace view internal.name_list as
select list(name order by number) filter (number > 0) as names
from internal.names;

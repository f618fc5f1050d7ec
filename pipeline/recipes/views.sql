-- A DuckDB file with the worker's views, for any tool that opens such files
-- Needs: pip install duckdb-cli==1.5.5
-- Run: firsthand connect views --db x.duckdb | duckdb cx.duckdb
-- The token goes into DuckDB's own store of secrets, for your eyes only, and not into the file.
create or replace persistent secret firsthand (
    type quack, scope 'quack:127.0.0.1:9494', token getenv('FIRSTHAND_TOKEN')
);

create or replace view metrics as from quack_query('quack:127.0.0.1:9494', 'from metrics');
create or replace view contacts as from quack_query('quack:127.0.0.1:9494', 'from contacts');
create or replace view touchpoints as from quack_query('quack:127.0.0.1:9494', 'from touchpoints');
create or replace view rejections as from quack_query('quack:127.0.0.1:9494', 'from rejections');
create or replace view flips as from quack_query('quack:127.0.0.1:9494', 'from flips');
create or replace view alerts as from quack_query('quack:127.0.0.1:9494', 'from alerts');
create or replace view silences as from quack_query('quack:127.0.0.1:9494', 'from silences');
create or replace view watermarks as from quack_query('quack:127.0.0.1:9494', 'from watermarks');

-- from metrics_at('2026-11-21T10:00:00Z', '7d', 'channel')
create or replace macro metrics_at(as_of, span, dimension) as table from quack_query(
    'quack:127.0.0.1:9494', format('from metrics_at(''{}'', ''{}'', ''{}'')', as_of, span, dimension)
);
create or replace macro contacts_at(as_of) as table from quack_query(
    'quack:127.0.0.1:9494', format('from contacts_at(''{}'')', as_of)
);

-- A view brings all its rows; this lets the worker sum them:
-- from ask('select channel, count(*) from touchpoints group by channel')
create or replace macro ask(query) as table from quack_query('quack:127.0.0.1:9494', query);

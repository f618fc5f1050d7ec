-- DuckDB's extensions without a network, once per user; with one, DuckDB fetches them itself
-- Needs: pip install duckdb-cli==1.5.5
-- Run: firsthand connect offline | duckdb
install '/path/to/httpfs.duckdb_extension';
install '/path/to/quack.duckdb_extension';

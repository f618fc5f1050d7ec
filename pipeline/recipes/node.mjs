// DuckDB in Node
// Needs: npm install @duckdb/node-api@1.5.5-r.4
// Run: firsthand connect node --db x.duckdb | node --input-type=module
import { DuckDBInstance } from '@duckdb/node-api'

const instance = await DuckDBInstance.create()
const con = await instance.connect()
await con.run(`attach 'quack:127.0.0.1:9494' as cx (token $1)`, [process.env.FIRSTHAND_TOKEN])
const answer = await con.runAndReadAll(`
  from cx.query($$
    select member, value, low, high
    from metrics
    where metric = 'csat' and span = '28d' and dimension = 'channel'
    order by member
  $$)
`)
console.table(answer.getRowObjectsJson())

// login.js: logs in by node-postgres and says as whom. usage: node login.js URI
// HOLD in the environment: stays until the session ends.
const { Client } = require("pg");

const query = "select current_user || ' ' || current_database() || ' ' || client_dn as who" +
    " from pg_stat_ssl where pid = pg_backend_pid()";

async function main() {
    const client = new Client({ connectionString: process.argv[2] });
    client.on("error", () => {}); // a connection that ends is told by connect() as well
    await client.connect();
    console.log((await client.query(query)).rows[0].who);
    if (process.env.HOLD)
        await client.query("select pg_sleep(60)");
    await client.end();
}

main().catch((e) => {
    console.error(String(e));
    process.exitCode = 1;
});

"""login.py: logs in by asyncpg and says as whom. usage: python3 login.py URI

HOLD in the environment: stays until the session ends."""

import asyncio
import os
import sys

import asyncpg

QUERY = """select current_user || ' ' || current_database() || ' ' || client_dn
           from pg_stat_ssl where pid = pg_backend_pid()"""


async def main():
    connection = await asyncpg.connect(sys.argv[1])
    print(await connection.fetchval(QUERY), flush=True)
    if "HOLD" in os.environ:
        await connection.execute("select pg_sleep(60)")
    await connection.close()


asyncio.run(main())

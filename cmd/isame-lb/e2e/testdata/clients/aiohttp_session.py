import asyncio

import aiohttp

from exchange import PAUSE, TIMEOUT, URL, failed, report


async def main():
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session:
        while True:
            for method, body in (("GET", None), ("POST", b"content")):
                try:
                    async with session.request(method, URL, data=body) as response:
                        report(response.status, await response.read())
                except Exception as e:
                    failed(e)
                await asyncio.sleep(PAUSE)


asyncio.run(main())

import httpx

from exchange import TIMEOUT, URL, forever

client = httpx.Client(timeout=TIMEOUT)


def one(method, body):
    response = client.request(method, URL, content=body)
    return response.status_code, response.content


forever(one)

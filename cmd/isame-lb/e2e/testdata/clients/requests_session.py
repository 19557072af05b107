import requests

from exchange import TIMEOUT, URL, forever

session = requests.Session()


def one(method, body):
    response = session.request(method, URL, data=body, timeout=TIMEOUT)
    return response.status_code, response.content


forever(one)

import urllib.request

from exchange import TIMEOUT, URL, forever


def one(method, body):
    with urllib.request.urlopen(urllib.request.Request(URL, body, method=method), timeout=TIMEOUT) as response:
        return response.status, response.read()


forever(one)

import http.client
import sys

from exchange import TIMEOUT, forever

connection = http.client.HTTPConnection(sys.argv[1], timeout=TIMEOUT)


def one(method, body):
    try:
        connection.request(method, "/", body)
        response = connection.getresponse()
        return response.status, response.read()
    except Exception:
        connection.close()
        raise


forever(one)

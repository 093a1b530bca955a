"""Calls of SQS whose signature is made up: nothing between the client and a stub upstream checks it, and making a real
one would cost a load generator most of its time."""

import time

from opentrail import REGION, STRANGER_KEY


def authorization(service, key_id=STRANGER_KEY[0]):
    day = time.strftime("%Y%m%d", time.gmtime())
    scope = f"{key_id}/{day}/{REGION}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'a' * 64}"


def sqs_headers(operation, agent, key_id=STRANGER_KEY[0]):
    return {
        "X-Amz-Target": f"AmazonSQS.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        "Authorization": authorization("sqs", key_id),
        "User-Agent": agent,
    }

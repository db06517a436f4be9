"""The publisher of the OpenAPI and AsyncAPI documents."""

CONTACT = {
    "name": "CIFT Markets",
    "url": "https://cift.example",
    "email": "payments@cift.example",
}
"""Placeholder addresses in a reserved domain (RFC 2606) until a deployment sets its own."""
LICENSE_NAME = "Proprietary - CIFT Markets"

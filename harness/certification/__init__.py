"""Certification: measures what each component claims, and writes it down as a certificate.

What is measured of a component follows from the contract of its axis alone; names are never looked at.
"""

from harness.certification.certifying import certify, certify_all

__all__ = ["certify", "certify_all"]

"""What auth counts; ``bus/telemetry`` serves it. Routers count by the causes of their answers."""

from typing import Final

from prometheus_client import Counter

signed_in: Final = Counter("pushline_auth_sign_ins", "Sessions that began, by provider", ["kind"])
signed_out: Final = Counter("pushline_auth_sign_outs", "Sessions ended by their person")
denied: Final = Counter("pushline_auth_denials", "Requests that were not let in", ["reason"])
issued: Final = Counter("pushline_auth_tokens_issued", "API tokens that were made")
revoked: Final = Counter("pushline_auth_tokens_revoked", "API tokens that were revoked")

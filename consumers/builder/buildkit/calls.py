"""The calls of BuildKit's control service on a channel."""

from typing import Final

import grpc

from consumers.builder.pb import control_pb2 as pb

SERVICE: Final = "/moby.buildkit.v1.Control/"
MESSAGE: Final = 16 * 1024 * 1024  # bytes; both sides' limit

OPTIONS: Final = (
    ("grpc.max_receive_message_length", MESSAGE),
    ("grpc.max_send_message_length", MESSAGE),
    ("grpc.max_metadata_size", 1024 * 1024),  # an error's details travel as a header
    ("grpc.absolute_max_metadata_size", 4 * 1024 * 1024),
    # A daemon whose machine has died is noticed; Go's servers hang up on whoever asks more often.
    ("grpc.keepalive_time_ms", 310_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


class Calls:
    """Typed stubs; grpcio's own are made by name and have no types."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Take a channel; nothing is sent yet."""
        self.solve = channel.unary_unary(
            SERVICE + "Solve", pb.SolveRequest.SerializeToString, pb.SolveResponse.FromString
        )
        self.status = channel.unary_stream(
            SERVICE + "Status", pb.StatusRequest.SerializeToString, pb.StatusResponse.FromString
        )
        self.session = channel.stream_stream(
            SERVICE + "Session", pb.BytesMessage.SerializeToString, pb.BytesMessage.FromString
        )
        self.workers = channel.unary_unary(
            SERVICE + "ListWorkers",
            pb.ListWorkersRequest.SerializeToString,
            pb.ListWorkersResponse.FromString,
        )
        self.info = channel.unary_unary(
            SERVICE + "Info", pb.InfoRequest.SerializeToString, pb.InfoResponse.FromString
        )
        self.disk_usage = channel.unary_unary(
            SERVICE + "DiskUsage",
            pb.DiskUsageRequest.SerializeToString,
            pb.DiskUsageResponse.FromString,
        )
        self.prune = channel.unary_stream(
            SERVICE + "Prune", pb.PruneRequest.SerializeToString, pb.UsageRecord.FromString
        )

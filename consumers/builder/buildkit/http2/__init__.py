"""The server's side of gRPC over one byte stream: h2 below, asyncio on top.

A session is HTTP/2 within a gRPC stream, the daemon being its client. grpcio can only serve sockets
and sends every message by itself; here thousands of small packets share one write.
"""

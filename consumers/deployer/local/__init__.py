"""The platform ``local``: functions as processes of this machine, one supervisor for all."""

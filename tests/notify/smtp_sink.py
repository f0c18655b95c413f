"""A mail server for tests: prints its port, then every mail it takes as a line of JSON.

    smtp_sink.py none|starttls|implicit [CERTIFICATE KEY] [--login USER PASSWORD] [--refuse]
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Sink:
    """Takes every mail, or refuses every recipient."""

    refuse = False

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refuse:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = "".join(f"{name}: {value}\n" for name, value in message.items())
        for part in message.walk():
            text += f"\n[{part.get_content_type()}]\n" + ("" if part.is_multipart() else part.get_content())
        mail = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
                "user": session.auth_data, "text": text}
        print(json.dumps(mail), flush=True)
        return "250 taken"


def main(arguments):
    how, rest = arguments[0], arguments[1:]
    sink, settings = Sink(), {}
    context = None
    if how != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(rest[0], rest[1])
    if how == "starttls":
        settings.update(tls_context=context, require_starttls=True)
    if "--refuse" in rest:
        sink.refuse = True
    if "--login" in rest:
        at = rest.index("--login")
        wanted = (rest[at + 1].encode(), rest[at + 2].encode())

        def authenticate(server, session, envelope, mechanism, data):
            is_right = (data.login, data.password) == wanted
            return AuthResult(success=is_right, handled=False, auth_data=rest[at + 1] if is_right else None)

        settings.update(authenticator=authenticate, auth_required=True, auth_require_tls=how == "starttls")

    async def serve():
        loop = asyncio.get_running_loop()
        tls = context if how == "implicit" else None
        server = await loop.create_server(lambda: SMTP(sink, **settings), "127.0.0.1", 0, ssl=tls)
        print(server.sockets[0].getsockname()[1], flush=True)
        # Ends with the test that holds the other end.
        await loop.run_in_executor(None, sys.stdin.read)
        server.close()

    asyncio.run(serve())


if __name__ == "__main__":
    main(sys.argv[1:])

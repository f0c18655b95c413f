// A provider of OpenID Connect on loopback, with a key of its own at each start. Prints its address; ends with its input.
// Instead of a form it has an address: GET /interaction/<uid>/finish?user=<name> signs <name> in.
//
//   node provider.mjs [port] [no-sign-out]

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import http from 'node:http';
import Provider, { interactionPolicy } from 'oidc-provider';

const GROUPS = { ann: ['ops', 'everybody'], bob: ['everybody'] };

function key() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

// Whoever has a session is let through: a native client would be asked each time.
const policy = interactionPolicy.base();
policy.get('consent').checks.remove('native_client_prompt');

function build(issuer) {
  const provider = new Provider(issuer, {
    jwks: { keys: [key()] },
    cookies: { keys: [randomUUID()] },
    clients: [
      {
        client_id: 'nomaflow',
        client_secret: 'pass word/1+%~',
        // A native client may come back to any port of this machine.
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1/auth/oidc/corp/callback'],
        post_logout_redirect_uris: ['http://127.0.0.1/auth/oidc/corp/signed-out'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    scopes: ['openid', 'profile', 'email', 'groups'],
    claims: { openid: ['sub'], profile: ['preferred_username', 'name'], email: ['email'], groups: ['groups'] },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: process.argv[3] !== 'no-sign-out' } },
    pkce: { required: () => true },
    interactions: { policy, url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    ttl: { AccessToken: 60, AuthorizationCode: 60, IdToken: 60, Grant: 600, Interaction: 600, Session: 600 },
    async findAccount(ctx, id) {
      const claims = {
        sub: `id-${id}`,
        preferred_username: id,
        name: `${id} of the tests`,
        email: `${id}@nomaflow.test`,
        groups: GROUPS[id] ?? [],
      };
      return { accountId: id, claims: () => ({ ...claims, sub: id }) };
    },
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId,
        accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope('openid profile email groups');
      await grant.save();
      return grant;
    },
  });
  const callback = provider.callback();
  return async (request, response) => {
    const url = new URL(request.url, issuer);
    const finish = /^\/interaction\/[^/]+\/finish$/.test(url.pathname);
    if (!finish) return callback(request, response);
    const user = url.searchParams.get('user');
    const result = user ? { login: { accountId: user }, consent: {} } : { error: 'access_denied' };
    try {
      return await provider.interactionFinished(request, response, result);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  };
}

const server = http.createServer();
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', build(issuer));
  console.log(`issuer ${issuer}`);
});
process.stdin.on('end', () => process.exit(0)).resume();

// Written by `opentrail record` for the time of one run, and loaded by Node before the program: leads its HTTPS and HTTP
// connections through the proxy of HTTPS_PROXY and HTTP_PROXY. Node's own agents use a proxy only in its newest
// releases, and agents that a program makes itself, as the AWS SDK does, not even there.
'use strict';
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const tls = require('node:tls');

const proxyOf = (name) => {
  try {
    return new URL(process.env[name] || process.env[name.toLowerCase()]);
  } catch {
    return null;
  }
};
const proxies = { https: proxyOf('HTTPS_PROXY'), http: proxyOf('HTTP_PROXY') };
const excluded = new Set((process.env.NO_PROXY || '').split(',').map((host) => host.replace(/^\[|\]$/g, '')));

// Local places that are not the proxy's own are left alone: sockets of build tools, debuggers, other listeners.
const isLocal = (host) => host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127\./.test(host);
const leads = (proxy, options) => {
  const host = options.host || options.hostname;
  return proxy && typeof host === 'string' && !options.socketPath && !isLocal(host) && !excluded.has(host);
};

const openTunnel = (proxy, options, done) => {
  const host = options.host || options.hostname;
  const place = `${net.isIPv6(host) ? `[${host}]` : host}:${options.port || 443}`;
  const request = http.request({
    host: proxy.hostname,
    port: proxy.port,
    method: 'CONNECT',
    path: place,
    headers: { Host: place },
    agent: new http.Agent({ keepAlive: false }),
  });
  request.once('connect', (response, socket) => {
    if (response.statusCode === 200) return done(null, socket);
    socket.destroy();
    return done(new Error(`the proxy cannot reach ${place}: ${response.statusCode}`));
  });
  request.once('error', done);
  request.end();
};

const connectTls = https.Agent.prototype.createConnection;
https.Agent.prototype.createConnection = function createConnection(options, done) {
  if (typeof done !== 'function' || !leads(proxies.https, options)) {
    return connectTls.apply(this, arguments);
  }
  openTunnel(proxies.https, options, (error, socket) => {
    if (error) return done(error);
    const servername = options.servername || (net.isIP(options.host) ? '' : options.host);
    return done(null, tls.connect({ ...options, socket, servername, host: undefined, port: undefined }));
  });
  return undefined;
};

const connectPlain = http.Agent.prototype.createConnection;
http.Agent.prototype.createConnection = function createConnection(options, done) {
  if (typeof done !== 'function' || options.method === 'CONNECT' || !leads(proxies.http, options)) {
    return connectPlain.apply(this, arguments);
  }
  openTunnel(proxies.http, { ...options, port: options.port || 80 }, done);
  return undefined;
};

// Written by `opentrail record` for the time of one run, and loaded by Node before the program: leads its HTTPS and HTTP
// connections through the proxy of HTTPS_PROXY and HTTP_PROXY. Node's own agents use a proxy only in its newest
// releases, agents that a program makes itself, as the AWS SDK does, not even there, and sessions of HTTP/2 never.
'use strict';
const http = require('node:http');
const http2 = require('node:http2');
const https = require('node:https');
const net = require('node:net');
const tls = require('node:tls');
const { Duplex } = require('node:stream');
const { syncBuiltinESMExports } = require('node:module');

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

// A session of HTTP/2 wants its connection at once: this is one that waits for the tunnel.
class LateTunnel extends Duplex {
  constructor(proxy, options) {
    super();
    this.opened = new Promise((done, failed) => {
      openTunnel(proxy, options, (error, socket) => (error ? failed(error) : done(socket)));
    });
    this.opened.then((socket) => {
      this.socket = socket;
      socket.on('data', (bytes) => this.push(bytes) || socket.pause());
      socket.on('end', () => this.push(null));
      socket.on('error', (error) => this.destroy(error));
      socket.on('close', () => this.destroy());
    }, (error) => this.destroy(error));
  }

  _read() {
    if (this.socket) this.socket.resume();
  }

  _write(bytes, _, done) {
    this.opened.then((socket) => socket.write(bytes, done), done);
  }

  _final(done) {
    this.opened.then((socket) => socket.end(done), done);
  }

  _destroy(error, done) {
    this.opened.then((socket) => socket.destroy(), () => {});
    done(error);
  }
}

const connectSession = http2.connect;
http2.connect = function connect(authority, given, listener) {
  const options = typeof given === 'function' || !given ? {} : given;
  const url = typeof authority === 'string' ? new URL(authority) : authority;
  const host = String(url.hostname || url.host || '').replace(/^\[|\]$/g, '');
  const place = { host, port: url.port || 443 };
  if (url.protocol !== 'https:' || options.createConnection || !leads(proxies.https, place)) {
    return connectSession.apply(this, arguments);
  }
  const createConnection = () =>
    tls.connect({
      ALPNProtocols: ['h2'],
      servername: net.isIP(host) ? '' : host,
      ...options,
      socket: new LateTunnel(proxies.https, place),
    });
  const onConnect = typeof given === 'function' ? given : listener;
  return connectSession.call(this, authority, { ...options, createConnection }, onConnect);
};
// For programs that import the functions by name.
syncBuiltinESMExports();

package nginx

import "strings"

// script is the njs module that computes fingerprints: the first 128 bits of HMAC-SHA-256, as session.Pseudonym has
// them. It is written for njs 0.7 and later, and never returns a credential: where anything fails, nothing is logged.
func (w *lineText) script() string {
	return strings.NewReplacer("SESSION_NAME", w.session, "AFFINITY_NAME", w.affinity, "KEY_NAME", w.key).Replace(scriptText)
}

const scriptText = `import crypto from 'crypto';
import fs from 'fs';

const SESSION = 'SESSION_NAME', AFFINITY = 'AFFINITY_NAME';

function key() {
    const text = (process.env.KEY_NAME || fs.readFileSync('/etc/nginx/limpet.key')).toString().trim();
    const k = /^[0-9a-fA-F]{64}$/.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
    if (k.length != 32) {
        throw new Error('limpet: the key has not 32 bytes');
    }
    return k;
}

function fingerprint(value) {
    if (!value || value == 'deleted') {
        return '-';
    }
    return crypto.createHmac('sha256', key()).update(value).digest('hex').substring(0, 32);
}

// presented returns the first cookie of that name, as nginx and most applications do.
function presented(r, name) {
    const parts = (r.headersIn.Cookie || '').split(';');
    for (let i = 0; i < parts.length; i++) {
        const p = parts[i].trim();
        if (p.startsWith(name + '=')) {
            return p.substring(name.length + 1);
        }
    }
    return '';
}

// issued returns the last Set-Cookie of that name, which is the one that clients keep.
function issued(r, name) {
    const list = r.headersOut['Set-Cookie'] || [];
    for (let i = list.length - 1; i >= 0; i--) {
        if (list[i].startsWith(name + '=')) {
            const end = list[i].indexOf(';');
            const line = list[i];
            return {value: line.substring(name.length + 1, end < 0 ? line.length : end), rest: end < 0 ? '' : line.substring(end)};
        }
    }
    return null;
}

function deletes(c) {
    return c.value == '' || c.value == 'deleted' || /;\s*max-age=(0|-)/i.test(c.rest) || /;\s*expires=[^;]*[- ]1970/i.test(c.rest);
}

function session(r) {
    return fingerprint(presented(r, SESSION));
}

function set_session(r) {
    const c = issued(r, SESSION);
    return c && !deletes(c) ? fingerprint(c.value) : '-';
}

function cleared(r) {
    const c = issued(r, SESSION);
    return c && deletes(c) ? '1' : '-';
}

function affinity(r) {
    return fingerprint(presented(r, AFFINITY));
}

function set_affinity(r) {
    const c = issued(r, AFFINITY);
    return c ? fingerprint(c.value) : '-';
}

function path(r) {
    return r.variables.request_uri.split(/[?#]/)[0].replace(/;[^\/]*/g, '');
}

export default {session, set_session, cleared, affinity, set_affinity, path};
`

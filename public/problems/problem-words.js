/** The words for what can go wrong: one cause, one action. Pure data. */

/**
 * @typedef {'connect' | 'retry' | 'answer' | 'record' | 'settings' | 'sound' | 'reload' | 'continue' | 'dismiss'} Remedy what the button does
 */

/** By cause: the relay's and the service's error codes, and the page's own. @type {Record<string, [title: string, text: string, label: string, remedy: Remedy]>} */
export const PROBLEMS = {
  denied: [
    'The microphone is blocked',
    'Allow it for this page in the address bar of your browser, then try again. You can also type.',
    'Try again',
    'record',
  ],
  missing: [
    'No microphone found',
    'Plug one in or switch it on, then try again. You can also type.',
    'Try again',
    'record',
  ],
  'in-use': [
    'The microphone is in use',
    'Another program holds it. Close that program, then try again.',
    'Try again',
    'record',
  ],
  insecure: [
    'Microphones need a secure page',
    'Browsers allow the microphone only on https:// or on localhost. You can type here.',
    'Close',
    'dismiss',
  ],
  'microphone-lost': [
    'The microphone went away',
    'Plug it in again or choose another one.',
    'Choose microphone',
    'settings',
  ],
  failed: [
    'The microphone did not start',
    'Choose another one, or try again in a moment.',
    'Choose microphone',
    'settings',
  ],
  silent: [
    'We can’t hear you',
    'The microphone sends only silence. It may be muted, or another one is meant.',
    'Choose microphone',
    'settings',
  ],
  'sound-blocked': [
    'Sound is blocked',
    'The browser waits for a click before it plays anything.',
    'Turn sound on',
    'sound',
  ],
  'no-sound': [
    'No sound on this device',
    'The browser could not open a sound device. You can type and read.',
    'Close',
    'dismiss',
  ],

  busy: [
    'All places are taken',
    'The server holds as many conversations as it may. Try again in a minute.',
    'Try again',
    'connect',
  ],
  rate_limited: [
    'Too many requests',
    'Azure’s quota is used up for the moment. Wait a little, or raise the quota of the deployment.',
    'Try again',
    'connect',
  ],
  daily_limit: [
    'Today’s minutes are used up',
    'The server allows so much talk a day. Come back tomorrow, or raise MAX_DAILY_MINUTES.',
    'Close',
    'dismiss',
  ],
  upstream_unauthorized: [
    'Azure refused access',
    'Check AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY: they must belong to the same resource. Without a key, the server’s identity needs a role there.',
    'Try again',
    'connect',
  ],
  upstream_forbidden: [
    'Azure does not accept this network',
    'The resource allows only certain networks. Check its networking settings.',
    'Try again',
    'connect',
  ],
  deployment_not_found: [
    'The deployment was not found',
    'Check AZURE_OPENAI_DEPLOYMENT and AZURE_OPENAI_API_VERSION.',
    'Try again',
    'connect',
  ],
  upstream_bad_request: [
    'The deployment cannot talk',
    'It is not a realtime model. Deploy a gpt-realtime model and name it in AZURE_OPENAI_DEPLOYMENT.',
    'Try again',
    'connect',
  ],
  upstream_failed: [
    'Azure has a fault',
    'The service answered with an error of its own. It usually passes.',
    'Try again',
    'connect',
  ],
  upstream_unreachable: [
    'Azure cannot be reached',
    'Check AZURE_OPENAI_ENDPOINT and the server’s way to the internet.',
    'Try again',
    'connect',
  ],
  upstream_timeout: [
    'Azure did not answer in time',
    'Check AZURE_OPENAI_ENDPOINT and the server’s firewall.',
    'Try again',
    'connect',
  ],
  upstream_tls: [
    'No secure connection to Azure',
    'Its certificate was not accepted. Behind a company proxy, set SSL_CERT_FILE.',
    'Try again',
    'connect',
  ],
  upstream_lost: [
    'The connection to Azure was lost',
    'What was said is kept on this page.',
    'Reconnect',
    'connect',
  ],
  time_limit: [
    'Time is up',
    'The conversation reached its time limit. What was said is kept on this page.',
    'Start again',
    'connect',
  ],
  'idle-soon': [
    'Are you still there?',
    'Nothing was said for a while, so the conversation is about to end.',
    'Continue',
    'continue',
  ],
  idle: [
    'Still there?',
    'The conversation ended because nothing was said for a while.',
    'Start again',
    'connect',
  ],
  too_big: [
    'That was too much at once',
    'A message was larger than the server accepts. Send a shorter one.',
    'Reconnect',
    'connect',
  ],
  text_only: [
    'The connection was closed',
    'The server did not understand what this page sent. Load the page again.',
    'Reload',
    'reload',
  ],
  too_fast: [
    'The connection was closed',
    'This page sent more than the server accepts.',
    'Reconnect',
    'connect',
  ],
  stalled: ['The connection was too slow', 'Sound could not be delivered in time.', 'Reconnect', 'connect'],
  restarting: [
    'The server is restarting',
    'It will be back in a moment. What was said is kept on this page.',
    'Reconnect',
    'connect',
  ],
  internal: ['The server has a fault', 'Its log says more.', 'Reconnect', 'connect'],
  session_expired: [
    'Time is up',
    'The service ended the conversation at its time limit. What was said is kept on this page.',
    'Start again',
    'connect',
  ],
  settings_refused: [
    'A setting was refused',
    'The service does not accept one of the settings. Put them back and try again.',
    'Settings',
    'settings',
  ],
  refused: [
    'The service refused the session',
    'Check the key, the deployment and the version in the server’s settings.',
    'Try again',
    'connect',
  ],
  signed_out: ['Please sign in again', 'The server asks for its access code.', 'Sign in', 'reload'],
  offline: [
    'The server cannot be reached',
    'It may be stopped, or this computer is offline.',
    'Try again',
    'connect',
  ],
  lost: ['The connection was lost', 'What was said is kept on this page.', 'Reconnect', 'connect'],
  unanswered: [
    'Your last message was not answered',
    'The connection was lost before the answer came.',
    'Answer now',
    'answer',
  ],
  'cut-off': ['The answer was cut off', 'The connection was lost in the middle of it.', 'Go on', 'answer'],
  unheard: [
    'Your last words were lost',
    'The connection was lost before they were written down. Please say them again.',
    'Close',
    'dismiss',
  ],

  answer_failed: [
    'The answer failed',
    'The service could not complete it. Say or send it again.',
    'Close',
    'dismiss',
  ],
  insufficient_quota: [
    'The quota is used up',
    'Raise the quota or check the billing of the Azure resource.',
    'Close',
    'dismiss',
  ],
  rate_limit_exceeded: ['Too many requests', 'Wait a little before the next turn.', 'Close', 'dismiss'],
  request_refused: [
    'The service refused a request',
    'The conversation goes on. The diagnostics say which one.',
    'Close',
    'dismiss',
  ],
};

/** What the page says of each problem, and the one thing that the user can do about it. Data only. */

/**
 * @typedef {'connect' | 'retry' | 'answer' | 'record' | 'settings' | 'sound' | 'reload' | 'continue' | 'dismiss'} Remedy what the button does; app.js has the code
 */

/** By cause: an error code of the relay or of the service, or a cause of the page's own. @type {Record<string, [title: string, text: string, label: string, remedy: Remedy]>} */
export const PROBLEMS = {
  denied: [
    'The microphone is blocked',
    'Allow it for this page in your browser’s address bar, then try again. You can also type.',
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
    'Another program is using it. Close that program, then try again.',
    'Try again',
    'record',
  ],
  insecure: [
    'Microphones need a secure page',
    'Browsers allow it only on https:// pages and on localhost. You can still type.',
    'Close',
    'dismiss',
  ],
  'microphone-lost': [
    'The microphone was disconnected',
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
    'The microphone sends only silence. Unmute it, or choose another one.',
    'Choose microphone',
    'settings',
  ],
  'sound-blocked': [
    'Sound is blocked',
    'The browser waits for a click before it plays sound.',
    'Turn sound on',
    'sound',
  ],
  'no-sound': [
    'No sound on this device',
    'The browser could not open a sound device. You can still type and read.',
    'Close',
    'dismiss',
  ],

  busy: [
    'The server is full',
    'It already has as many conversations as it allows. Try again in a minute.',
    'Try again',
    'connect',
  ],
  rate_limited: [
    'Too many requests',
    'The quota of the Azure deployment is used up for the moment. Wait a little, or raise the quota.',
    'Try again',
    'connect',
  ],
  daily_limit: [
    'Today’s minutes are used up',
    'The server limits the minutes of conversation a day. Come back tomorrow, or raise MAX_DAILY_MINUTES.',
    'Close',
    'dismiss',
  ],
  upstream_unauthorized: [
    'Azure refused access',
    'Check AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY: they must belong to the same resource. Without a key, the server’s identity needs a role on that resource.',
    'Try again',
    'connect',
  ],
  upstream_forbidden: [
    'Azure does not accept this network',
    'The resource accepts only certain networks. Check its networking settings.',
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
    'The deployment is not a realtime model',
    'Deploy a gpt-realtime model and set AZURE_OPENAI_DEPLOYMENT to its name.',
    'Try again',
    'connect',
  ],
  upstream_failed: [
    'Azure reported an error',
    'The service could not start the conversation. This usually passes after a while.',
    'Try again',
    'connect',
  ],
  upstream_unreachable: [
    'Azure cannot be reached',
    'Check AZURE_OPENAI_ENDPOINT and the server’s internet connection.',
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
    'Azure’s certificate was not accepted. Behind a company proxy, set SSL_CERT_FILE.',
    'Try again',
    'connect',
  ],
  upstream_lost: [
    'The connection to Azure was lost',
    'The conversation so far is kept on this page.',
    'Reconnect',
    'connect',
  ],
  time_limit: [
    'Time is up',
    'The conversation reached its time limit. The conversation so far is kept on this page.',
    'Start again',
    'connect',
  ],
  'idle-soon': [
    'Are you still there?',
    'Nothing has been said for a while, so the conversation is about to end.',
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
    'The message was too large',
    'It was larger than the server accepts. Send a shorter one.',
    'Reconnect',
    'connect',
  ],
  text_only: [
    'The connection was closed',
    'The server did not understand what this page sent. Load the page again.',
    'Reload',
    'reload',
  ],
  stalled: [
    'The connection was too slow',
    'The sound could not be delivered in time.',
    'Reconnect',
    'connect',
  ],
  restarting: [
    'The server is restarting',
    'It will be back in a moment. The conversation so far is kept on this page.',
    'Reconnect',
    'connect',
  ],
  internal: ['The server had an error', 'The server’s log describes it.', 'Reconnect', 'connect'],
  session_expired: [
    'Time is up',
    'The service ended the conversation at its time limit. The conversation so far is kept on this page.',
    'Start again',
    'connect',
  ],
  settings_refused: [
    'A setting was refused',
    'The service does not accept one of the settings. Reset the settings and try again.',
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
  lost: ['The connection was lost', 'The conversation so far is kept on this page.', 'Reconnect', 'connect'],
  unanswered: [
    'Your last message was not answered',
    'The connection was lost before the answer came.',
    'Answer now',
    'answer',
  ],
  'cut-off': [
    'The answer was cut off',
    'The connection was lost before the answer was complete.',
    'Go on',
    'answer',
  ],
  unheard: [
    'Your last words were lost',
    'The connection was lost before they were transcribed. Please say them again.',
    'Close',
    'dismiss',
  ],

  answer_failed: [
    'The answer failed',
    'The service could not complete it. Please say or send your message again.',
    'Close',
    'dismiss',
  ],
  insufficient_quota: [
    'The quota is used up',
    'Raise the quota or check the billing of the Azure resource.',
    'Close',
    'dismiss',
  ],
  rate_limit_exceeded: [
    'Too many requests',
    'Wait a little before you speak or write again.',
    'Close',
    'dismiss',
  ],
  request_refused: [
    'The service refused a request',
    'The conversation goes on. The diagnostics show which request it was.',
    'Close',
    'dismiss',
  ],
};

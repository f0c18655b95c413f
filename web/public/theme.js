// Sets the stored theme before the first paint. A file of its own because the content security policy allows no inline script.
try {
  const theme = localStorage.getItem('nomaflow.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage may be forbidden: the system's theme stays.
}

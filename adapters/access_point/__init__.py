"""National access points behind the port `broker.ports.AccessPoint`, one package per interface."""
